"""Tests for look-ahead bias."""

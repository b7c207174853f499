"""Measure what ExitBrain promises, each figure beside what a user would pick instead."""

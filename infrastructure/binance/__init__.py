"""Binance USD-M futures behind our ports; its client is imported only where the settings name it."""

"""The venue, Binance USD-M futures: instruments."""

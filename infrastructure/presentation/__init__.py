"""Results as JSON and as sentences, for terminal, web page and report. Imports no other room of infrastructure."""

"""Results as JSON and as sentences, for terminal, web page and report; imports no other room of infrastructure."""

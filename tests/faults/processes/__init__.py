"""The proof with real processes: workers are killed, servers restarted, connections cut; then everything is counted."""

"""What a person looks at: figures (which need matplotlib) and the run summary."""

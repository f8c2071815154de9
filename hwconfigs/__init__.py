"""The shipped hardware profiles, one YAML file a chip, and their JSON Schema."""

"""What members see: wording, and boards that can be paged."""

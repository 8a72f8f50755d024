"""What is known about subjects beside their images."""

"""GA4GH Data Repository Service."""

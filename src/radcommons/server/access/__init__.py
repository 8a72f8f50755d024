"""Access: what the world may read of published versions, and how it downloads them."""

"""Expert annotation: versioned label schemas, reading projects, blinded reads, adjudication, consensus, agreement."""

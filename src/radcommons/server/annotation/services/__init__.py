"""The verbs of annotation, by what they concern: schemas, projects, reads, adjudication, consensus, reads of the past."""

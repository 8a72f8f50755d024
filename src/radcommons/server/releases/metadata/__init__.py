"""The records that describe a release to people and to other systems; each a pure function of a description."""

"""How a study travels between the rooms: one table of facts, verbs and states, and the timeline it leaves."""

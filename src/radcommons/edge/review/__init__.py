"""A person's look at what was made: pictures, texts and findings on a local page, and the decision about them."""

from radcommons.edge.review.verbs import Decision, ReviewResult, record_review, review_state, write_page

__all__ = ["Decision", "ReviewResult", "record_review", "review_state", "write_page"]

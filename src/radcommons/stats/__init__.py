"""Numbers about readers: agreement, overlap, consensus, each with an interval from a bootstrap over cases.

Ratings are arrays of shape (cases, readers), NaN where a reader did not answer. What is undefined is NaN with the reason in
words, never a number that looks like an answer.
"""

"""What the tests of certificates call things: the name of a project, and the path of a further certificate."""

NAME = "Visitors <b>&\u202e"


def paper_of(evidence, code):
    return evidence.with_suffix(f".certificate.{code}.html")

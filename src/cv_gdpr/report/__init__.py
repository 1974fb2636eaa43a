"""`report BAG`: a site of static pages that shows a verified export to a person, offline and without the service.

`reading` makes typed records (`records`) of what the bag holds; `pages` renders templates with a strict
Content-Security-Policy; `thumbnails` makes small pictures in processes of their own; `gallery` arranges pictures;
`site` writes all of it into a folder of its own.
"""

"""`find BAG PHOTO`: copies of a photograph in a verified export, without the service.

`candidates` says which pictures the bag holds; `same` compares their hashes. With OpenCV (the extra `find`), `search`
compares the pictures themselves: `matching` is the first look at all, by `features` that `index` keeps; `alignment`
lays the photograph upon the few that are left, `agreement` compares the pixels, `judging` says what that means.
"""

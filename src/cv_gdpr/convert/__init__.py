"""`convert BAG --to FORMAT`: data sets for other tools from a verified export, without the service.

`reading` makes typed records (`records`) of what the bag holds; `fitting` takes out what the format cannot hold,
`names` gives each tag a name in it, `split` divides the pictures. One module for each format
(`coco`, `yolo`, `automl`, `csv_lines`; listed in `formats`) writes it, and reads it back; `round_trip` compares what
was read with the bag. `conversion` does all of it for each project.
"""

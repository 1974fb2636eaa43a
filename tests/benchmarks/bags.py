"""Quickly make a bag of any number of images as an export would write it; `verify` finds no difference in it."""

import hashlib
import json

PROJECT = "11111111-1111-4111-8111-111111111111"
NAME = f"Project-{PROJECT}"


class Bag:
    """A bag while it is written; it remembers its files for the manifest."""

    def __init__(self, out):
        self.out = out
        self.sums = {}
        self.bytes = 0

    def put(self, path, content):
        """Write a file below data/; return its SHA-256."""
        place = self.out / "data" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        self.bytes += len(content)
        self.sums[f"data/{path}"] = hashlib.sha256(content).hexdigest()
        return self.sums[f"data/{path}"]

    def lines(self, path, records):
        """Write a JSON Lines file below data/."""
        self.put(path, b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records))

    def close(self, info):
        """Write the tag files."""
        info = {**info, "Payload-Oxum": f"{self.bytes}.{len(self.sums)}"}
        tags = {
            "bag-info.txt": "".join(f"{label}: {value}\n" for label, value in info.items()),
            "bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
            "manifest-sha256.txt": "".join(f"{self.sums[path]}  {path}\n" for path in sorted(self.sums)),
        }
        for name, text in tags.items():
            (self.out / name).write_text(text)
        sums = (f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in tags.items())
        (self.out / "tagmanifest-sha256.txt").write_text("".join(sums))


def identity(kind, number):
    """Return an id of the form that the service uses."""
    digest = hashlib.sha256(f"{kind}{number}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def image(number):
    """Return the record of an image as the service lists it, with a link without signature."""
    tag = {"tagId": identity("tag", number % 5), "tagName": f"tag {number % 5}", "created": "2024-01-01T00:00:00.1Z"}
    region = {"regionId": identity("region", number), **tag, "left": 0.25, "top": 0.5, "width": 0.125, "height": 0.125}
    link = f"https://storage.example/i-{PROJECT.replace('-', '')}/{number}"
    return {
        "id": identity("image", number),
        "created": "2024-01-01T00:00:00.1234567Z",
        "width": 640,
        "height": 480,
        "resizedImageUri": link,
        "thumbnailUri": f"{link}-t",
        "originalImageUri": link,
        "tags": [tag],
        "regions": [region],
    }


def make(out, count, size, iterations, pictures=()):
    """Write an export of a project of `count` images of `size` bytes, which are also in every iteration.

    `pictures`: the bytes of real ones, which take turns.
    """
    bag = Bag(out)
    index, listings = [], []
    for number in range(count):
        record = image(number)
        made_up = b"\xff\xd8\xff\xe0" + (record["id"].encode() * (size // 36 + 1))[: size - 4]
        content = pictures[number % len(pictures)] if pictures else made_up
        sha256 = bag.put(f"{NAME}/images/{record['id']}.jpg", content)
        source = "/" + record["originalImageUri"].split("/", 3)[3]
        entry = {"path": f"images/{record['id']}.jpg", "blob": f"images/{record['id']}", "source": source}
        index.append(entry | {"bytes": len(content), "sha256": sha256})
    places = {None: "images.jsonl"}
    for number in range(iterations):
        one = identity("iteration", number)
        places[one] = f"iterations/Iteration-{number + 1}-{one}/images.jsonl"
    for place, file in places.items():
        bag.lines(f"{NAME}/{file}", map(image, range(count)))
        counts = dict.fromkeys(("countedBefore", "countedAfter", "listed", "written"), count)
        listings.append({"row": "images", "iteration": place, "file": file, **counts})
    bag.lines(f"{NAME}/files.jsonl", sorted(index, key=lambda entry: entry["path"]))
    bag.lines(f"{NAME}/listings.jsonl", listings)
    summary = {
        "tool": "cv-gdpr 0",
        "endpoint": "https://example.cognitiveservices.azure.com",
        "scope": "all projects",
        "rows": {"images": {"held": count, "exported": count}},
        "selectors": [],
        "salt": None,
        "notSearched": {},
        "projects": [{"id": PROJECT, "folder": NAME}],
        "byHand": {},
    }
    bag.put("export.json", json.dumps(summary, indent=2).encode())
    bag.close(
        {
            "Bag-Software-Agent": summary["tool"],
            "Bagging-Date": "2024-01-01",
            "Source-Endpoint": summary["endpoint"],
            "Export-Scope": "1 projects (all)",
            "Export-Rows": "images",
            "Export-Selectors": "none",
            "Export-Selectors-Unmatched": "0 of 0",
            "Export-Started": "2024-01-01T00:00:00Z",
            "Export-Finished": "2024-01-01T00:00:01Z",
            "Exported-Images": f"{count} of {count}",
        }
    )

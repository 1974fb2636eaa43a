"""What a changed picture is to a photograph, and that other photographs are nothing to it."""

import cv2
import pytest

from cv_gdpr.find.alignment import LONGEST, described_photo
from cv_gdpr.find.features import features, restored
from cv_gdpr.find.judging import judged
from cv_gdpr.find.matching import may_be_alike, sought
from cv_gdpr.find.pictures import shrunk
from tests.find.changes import COVERED, PARTS, WHOLE, cropped, jpeg, pasted
from tests.find.conftest import PHOTOGRAPHS


def grey(pixels):
    """Return pixels as a search decodes them."""
    return shrunk(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), LONGEST)


@pytest.fixture(scope="module")
def look(photo):
    """A function that returns what a picture is to the photograph of a church, as a search would."""
    pixels = grey(photo("rocamadour"))
    wanted, described = sought(pixels), described_photo(pixels)

    def judge(changed):
        other = grey(changed)
        return judged(described, other) if may_be_alike(wanted, restored(features(other))) else None

    return judge


@pytest.mark.slow
@pytest.mark.parametrize("change", WHOLE)
def test_the_whole_picture_is_a_certain_copy(look, photo, change):
    found = look(WHOLE[change](photo("rocamadour")))
    assert (found.kind, found.certain) == ("copy", True), found.why
    assert found.score > 0.99


@pytest.mark.parametrize("change", ["bar over it", "text over it"])
def test_a_covered_picture_is_a_copy_not_certain(look, photo, change):
    found = look(COVERED[change](photo("rocamadour")))
    assert (found.kind, found.certain) == ("copy", False), found.why
    assert 0.5 < found.score < 1


@pytest.mark.parametrize("change", ["brighter", "gamma 1.6"])
def test_a_brighter_picture_is_a_copy(look, photo, change):
    assert look(COVERED[change](photo("rocamadour"))).kind == "copy"


@pytest.mark.parametrize("change", PARTS)
def test_a_crop_is_a_part_and_never_certain(look, photo, change):
    found = look(PARTS[change](photo("rocamadour")))
    assert (found.kind, found.certain) == ("part", False), found.why


@pytest.mark.slow
def test_a_pasted_picture_is_a_part(look, photo):
    found = look(jpeg(pasted(photo("rocamadour"), photo("cow"))))
    assert (found.kind, found.certain) == ("part", False), found.why


@pytest.mark.slow
def test_the_photo_may_itself_be_the_crop(photo):
    whole, crop = grey(photo("petra")), grey(cropped(photo("petra"), 0.5, 1, 0))
    assert may_be_alike(sought(crop), restored(features(whole)))
    assert judged(described_photo(crop), whole).kind == "part"


def test_words_say_what_was_done(look, photo):
    why = look(WHOLE["mirrored, turned, half"](photo("rocamadour"))).why
    assert why.startswith("mirrored; turned by ")
    assert why.endswith("every pixel agrees")


@pytest.mark.slow
def test_other_photographs_match_nothing(look, photo):
    others = [path.stem for path in sorted(PHOTOGRAPHS.glob("*.jpg")) if path.stem != "rocamadour"]
    assert [name for name in others[::3] if look(photo(name))] == []


@pytest.mark.photographs
def test_all_photographs_survive_every_change(photo):
    names = sorted(path.stem for path in PHOTOGRAPHS.glob("*.jpg"))
    missed, tried = [], 0
    for name in names[::4]:
        pixels = grey(photo(name))
        wanted, described = sought(pixels), described_photo(pixels)
        for words, change in (WHOLE | COVERED | PARTS).items():
            other = grey(change(photo(name)))
            tried += 1
            if not may_be_alike(wanted, restored(features(other))) or judged(described, other) is None:
                missed.append((name, words))
    assert len(missed) <= tried * 0.01, missed

"""Draw docs/images/notebook-*.png: the picture of each notebook, over a lake (KOHDE_HOME, best after `kohde demo`).

    kohde demo && python docs/make_gallery.py

No browser and no network: vl-convert draws what Altair describes.
"""

import io
import sys
from importlib import import_module
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
SCALE, COLOURS = 1.4, 96


def main() -> None:
    """Run each notebook as it stands and keep its `chart`."""
    sys.path.insert(0, str(ROOT))
    for path in sorted((ROOT / "notebooks").glob("*.py")):
        _, found = import_module(f"notebooks.{path.stem}").app.run()
        if "chart" not in found:
            raise SystemExit(f"{path.name} drew nothing: is everything published?")
        drawn = io.BytesIO()
        found["chart"].save(drawn, format="png", scale_factor=SCALE)
        Image.open(drawn).quantize(COLOURS).save(IMAGES / f"notebook-{path.stem}.png", optimize=True)


if __name__ == "__main__":
    main()

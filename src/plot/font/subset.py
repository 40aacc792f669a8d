"""Make the two fonts of this folder from Inter's OpenType files: python3 subset.py FOLDER_WITH_INTER

plotters 0.3 draws text with ab_glyph in a simple way: it starts each glyph at its leftmost pixel (no left side
bearing), puts the baseline at half of the font size and says that the line is size / 1.24 high. The fonts are baked for that:
every outline carries an empty contour at x = 0, so that its own leftmost pixel is where it should be, the line is 1.24 em
high, so that a size of 1.24 px is one of 1 px per em, and the glyphs are lowered until capitals sit in the middle.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

TEXT = [*range(0x20, 0x7F), *range(0xA0, 0x100), *map(ord, "–—‘’“”…•∙→←≥≤≈≠−μΔσ")]
EM = 1000
LINE = 1240  # ascent - descent: plotters' 1.24
BASELINE, MIDDLE = 620, 500  # from the top of plotters' line: half of the size, and half of the line


def bake(source, style, target):
    font = TTFont(source)
    options = subset.Options(layout_features=[], notdef_outline=True, drop_tables=["GPOS", "GSUB", "GDEF"])
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=TEXT)
    subsetter.subset(font)
    scale = EM / font["head"].unitsPerEm
    lower = BASELINE - MIDDLE - round(font["OS/2"].sCapHeight * scale / 2)  # negative: downwards
    glyphs, metrics = {}, {}
    glyph_set = font.getGlyphSet()
    for name in font.getGlyphOrder():
        pen = TTGlyphPen(None)
        quadratic = Cu2QuPen(pen, max_err=0.8, reverse_direction=True)
        glyph_set[name].draw(TransformPen(quadratic, (scale, 0, 0, scale, 0, lower)))
        if pen.points:
            x = min(0, *(int(p[0]) for p in pen.points))
            pen.moveTo((x, 0)), pen.lineTo((x, 1)), pen.lineTo((x, 0)), pen.closePath()
        glyphs[name] = pen.glyph()
        metrics[name] = (round(glyph_set[name].width * scale), 0)
    builder = FontBuilder(EM, isTTF=True)
    builder.setupGlyphOrder(font.getGlyphOrder())
    builder.setupCharacterMap(font.getBestCmap())
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({n: (w, glyphs[n].xMin if glyphs[n].numberOfContours else 0) for n, (w, _) in metrics.items()})
    builder.setupHorizontalHeader(ascent=LINE - 240, descent=-240)
    builder.setupNameTable({
        "copyright": "Copyright (c) 2020 The Inter Project Authors (https://github.com/rsms/inter)",
        "familyName": "Salt Sans",
        "styleName": style,
        "licenseDescription": "SIL Open Font License, Version 1.1",
        "licenseInfoURL": "https://openfontlicense.org",
    })
    builder.setupOS2(sTypoAscender=LINE - 240, sTypoDescender=-240)
    builder.setupPost(keepGlyphNames=False)
    builder.save(target)
    print(target, Path(target).stat().st_size, "bytes", len(glyphs), "glyphs, lowered by", -lower)


folder = Path(sys.argv[1])
bake(folder / "Inter-Regular.otf", "Regular", "SaltSans-Regular.ttf")
bake(folder / "Inter-SemiBold.otf", "Bold", "SaltSans-Bold.ttf")

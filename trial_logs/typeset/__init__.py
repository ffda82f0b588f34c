"""Setting worded sheets in type: fonts, glyphs, QR codes and the Typst library for A4 PDF/A-2a."""

"""Building blocks of HTML, SVG and PNG; one palette."""

"""What people who did not solve it read of a result: charts that are tables too, and a page of HTML that needs nothing.

Bars are drawn as HTML and lines as SVG, by the templates of this room. A page of Vega-Altair that works offline is
0.9 MB and one of Plotly 4.8 MB before any data, both need scripts, and pictures of Matplotlib (40 to 70 KB each) follow
neither the reader's colours nor the width of a phone; a bar of this room is a hundred bytes.
"""

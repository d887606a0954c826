"""What the HTML report is made of: its template, what is on the page, and the drawing of the chain."""

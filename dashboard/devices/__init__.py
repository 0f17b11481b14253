"""Components that draw in the browser: how one is put on a page, how arrays travel to it; scripts and styles are in assets/."""

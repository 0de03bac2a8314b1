# Turns page.html into a C string: one file to deploy, nothing to find at run time.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "/* Made of page.html. */\nextern const char page_html[];\nconst char page_html[] = {${bytes}0};\n")

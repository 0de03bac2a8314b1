# page.html + page.css + match.js + page.js, the engine and the words that they say -> page_files.h: page_html, page_engine, page_words.
# ENGINE may be empty: then the program has no page, and says so.
function(bytes_of file name)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  set(${name} "${bytes}" PARENT_SCOPE)
endfunction()

foreach(part html css js)
  file(READ ${IN}/page.${part} ${part})
endforeach()
file(READ ${IN}/match.js match)
string(PREPEND js "${match}\n")
string(REGEX REPLACE "\n *//[^\n]*" "" js "${js}")
string(REPLACE "/* {style} */" "${css}" html "${html}")
string(REPLACE "/* {script} */" "${js}" html "${html}")
file(WRITE page.html "${html}")
bytes_of(page.html html_bytes)
set(engine_bytes "0")
if(ENGINE)
  bytes_of(${ENGINE} engine_bytes)
endif()

# Every _("…") and N_("…") of the sources; a semicolon would part the list.
set(words "")
foreach(source ${WORDS})
  file(READ ${source} text)
  string(REPLACE ";" "@semicolon@" text "${text}")
  string(REGEX MATCHALL "[^A-Za-z]N?_\\((\"([^\"\\\\]|\\\\.)*\"[ \n]*)+\\)" found "${text}")
  foreach(word ${found})
    string(REGEX REPLACE "^.N?_" "    " word "${word}")
    string(APPEND words "${word},\n")
  endforeach()
endforeach()
string(REPLACE "@semicolon@" ";" words "${words}")
file(WRITE ${OUT} "/* Made by rules/page/page.cmake. */\n"
  "static const unsigned char page_html[] = {\n${html_bytes}0};\n"
  "static const unsigned char page_engine[] = {\n${engine_bytes}};\n"
  "static const char *const page_words[] = {\n${words}};\n")

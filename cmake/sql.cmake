# Embeds sql/schema/*.sql and sql/query/*.sql into the store (see store/sql.h): two lists of X-macro rows, whose
# texts are arrays of bytes, because a C17 string literal need not hold more than 4095. A file that is added or
# changed runs this again.
set(SQL_OUT ${FLOOR_INC}/root/sql)
file(MAKE_DIRECTORY ${SQL_OUT})
file(GLOB sql_schema CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sql/schema/*.sql)
file(GLOB sql_query CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sql/query/*.sql)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sql_schema} ${sql_query})

# sql_embed(OUT file...): OUT.def gets a row X(STEM, stem, "sha256") for each file, OUT.text its bytes, ended by 0.
function(sql_embed out)
  set(rows "")
  set(texts "")
  foreach(file ${ARGN})
    get_filename_component(stem ${file} NAME_WE)
    string(TOUPPER ${stem} upper)
    file(SHA256 ${file} sha256)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(APPEND rows "X(${upper}, ${stem}, \"${sha256}\")\n")
    string(APPEND texts "static const char ${out}_${stem}[] = { ${bytes}0 };\n")
  endforeach()
  file(CONFIGURE OUTPUT ${SQL_OUT}/${out}.def CONTENT "${rows}" @ONLY)
  file(CONFIGURE OUTPUT ${SQL_OUT}/${out}.text CONTENT "${texts}" @ONLY)
endfunction()
sql_embed(schema ${sql_schema})
sql_embed(query ${sql_query})

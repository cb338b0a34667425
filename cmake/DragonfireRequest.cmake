# Runs the engine: one request on stdin, one response on stdout.

include_guard(GLOBAL)

# Sets <out> to the response, or ends with the engine's errors after <context>.
function(_dragonfire_request engine request response out context)
  execute_process(
    COMMAND "${engine}" request
    INPUT_FILE "${request}"
    OUTPUT_FILE "${response}"
    RESULT_VARIABLE status)
  set(json "")
  if(EXISTS "${response}")
    file(READ "${response}" json)
  endif()
  string(JSON ok ERROR_VARIABLE malformed GET "${json}" ok)
  if(malformed)
    message(FATAL_ERROR "${context} \"${engine}\" gave no response (exit status: ${status}). "
      "Is DRAGONFIRE_EXECUTABLE the engine?")
  endif()
  if(NOT ok)
    _dragonfire_diagnostics(text "${json}" errors)
    message(FATAL_ERROR "${context} the engine failed\n${text}")
  endif()
  _dragonfire_diagnostics(text "${json}" warnings)
  if(text)
    message(WARNING "${context}\n${text}")
  endif()
  set(${out} "${json}" PARENT_SCOPE)
endfunction()

function(_dragonfire_diagnostics out json list)
  set(text "")
  string(JSON length ERROR_VARIABLE absent LENGTH "${json}" ${list})
  if(NOT absent AND length GREATER 0)
    math(EXPR last "${length} - 1")
    foreach(i RANGE ${last})
      foreach(field code message file hint)
        string(JSON ${field} ERROR_VARIABLE absent GET "${json}" ${list} ${i} ${field})
        if(absent)
          set(${field} "")
        endif()
      endforeach()
      # Two leading blanks: message() prints such lines as they are.
      string(APPEND text "  ")
      if(file)
        string(APPEND text "${file}: ")
      endif()
      string(REPLACE "\n" "\n  " message "${message}")
      string(APPEND text "${message} [${code}]\n")
      if(hint)
        string(REPLACE "\n" "\n  " hint "${hint}")
        string(APPEND text "  hint: ${hint}\n")
      endif()
    endforeach()
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

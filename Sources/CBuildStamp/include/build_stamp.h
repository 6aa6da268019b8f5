// Which commit this build was made from. A file of C, because only C takes a text from the command
// line that compiles it, and so small that a new commit compiles nothing else anew.
#ifndef WEIR_BUILD_STAMP_H
#define WEIR_BUILD_STAMP_H

const char *weir_build_commit(void);

#endif

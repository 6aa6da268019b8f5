// The program begins here and goes on at once elsewhere: closures written in this file would belong
// to the main actor, and trap on the loops' threads.

import Glibc

exit(runCommand(Array(CommandLine.arguments.dropFirst())))

// weir-bench: what a relay adds to a stream, measured for weir and for its peers in one run.

import Glibc

exit(runBench(Array(CommandLine.arguments.dropFirst())))

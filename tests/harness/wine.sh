#!/bin/sh
# Runs a Windows program by wine: wine.sh WINE64 PROGRAM [ARGUMENT...]
# Once in some thousand programs it is wine that fails, while a service of its own starts or its server ends: it says so,
# or ends without a word. The second time that is over; a program that fails of its own does so again.
said=$(mktemp -d) || exit 1
trap 'rm -rf "$said"' EXIT
for _ in first second; do
    # Files and no pipes: wine's services go on after a program and would hold them.
    timeout --foreground -k 5 600 "$@" >"$said/out" 2>"$said/err"
    status=$?
    if [ $status = 0 ]; then break; fi
    if [ -s "$said/out" ] && ! grep -q 'wine: Unhandled \|wine client error' "$said/out" "$said/err"; then break; fi
done
cat "$said/out"
cat "$said/err" >&2
exit $status

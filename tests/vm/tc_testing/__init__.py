"""The kernel's own tests of tc (tools/testing/selftests/tc-testing), by tc and by pytc: "make tc-testing"."""

"""A TFLite delegate that tests compile: it takes nothing off the processor, or fails as its option `fails` says."""

import shutil
import subprocess
from pathlib import Path

import pytest

COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler for a stand-in of a delegate")
_SOURCE = """
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct Delegate {  /* TfLiteDelegate of tensorflow/lite/core/c/common.h, and room for what comes after */
    void *data;
    int (*prepare)(void *context, struct Delegate *delegate);
    void *copy_from, *copy_to, *free_handle;
    int64_t flags;
    void *more[8];
} Delegate;

static int prepares(void *context, Delegate *delegate) { return 0; }
static int does_not(void *context, Delegate *delegate) { return 1; }

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
    const char *fails = "";
    for (size_t i = 0; i < count; i++)
        if (!strcmp(keys[i], "fails")) fails = values[i];
    if (!strcmp(fails, "start")) {
        report("no device is plugged in");
        return NULL;
    }
    Delegate *delegate = calloc(1, sizeof *delegate);
    delegate->prepare = strcmp(fails, "prepare") ? prepares : does_not;
    return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) { free(delegate); }
"""


def compile_delegate(directory: Path) -> Path:
    """The shared library. Needs a C compiler."""
    source, library = directory / "delegate.c", directory / "libstandin.so"
    source.write_text(_SOURCE)
    assert COMPILER is not None
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    return library

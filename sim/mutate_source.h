/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small changes of one C source of the model, by its tokens: operators, comparison boundaries, constants,
 * conditions, indices, the order of arguments, dropped statements. It relies on the project's format: a
 * function's brace stands alone in the first column.
 *
 * All mutants lie in one text: each changed function once more a mutant, chosen by the variable
 * sanger_mutant.
 */
#ifndef SANGER_MUTATE_SOURCE_H
#define SANGER_MUTATE_SOURCE_H

#include <stdio.h>

#include "mutate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t at, length; /* of the source's text that is replaced */
    char text[512];
    int function;
    int line;              /* in the source, from 1 */
    int first_line, lines; /* of its function in the text of mutate_source_write */
    bool invalid;          /* does not compile: left out */
} change_t;

typedef struct {
    size_t header, open, close; /* the header's first character, the braces */
    size_t name, name_length;
    char arguments[512]; /* "a, b" */
} function_t;

typedef struct {
    char *text;
    int functions, changes;
    function_t *function;
    change_t *change;
} source_t;

/* Reads the file and chooses at most n changes by the seed, in the order of the source. 0, or -1 and one line
   in error[DUT_ERROR_MAX]. Close in both cases. */
int mutate_source_open(source_t *s, const char *path, int n, uint64_t seed, char *error);
void mutate_source_close(source_t *s);

/* The text with every change that is not invalid. */
void mutate_source_write(source_t *s, FILE *out);

/* The text with change i alone (from 0), or with none for -1. */
void mutate_source_write_one(const source_t *s, int i, FILE *out);

/* What change i is, for people. */
void mutate_source_describe(const source_t *s, int i, char *out, size_t n);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that compilers turn into vectors: with the best instructions that the processor has, chosen when
 * the program starts. */
#ifndef SANGER_VECTORS_H
#define SANGER_VECTORS_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VECTORS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTORS
#endif

#endif

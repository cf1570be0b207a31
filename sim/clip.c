/* SPDX-License-Identifier: Apache-2.0 */
#include "clip.h"

const char *const clip_names[CLIP_KINDS] = {"q",         "k",       "v",          "bias",      "scale",
                                            "score_acc", "scaled",  "score_exp",  "score_sum", "acc",
                                            "exp",       "row_sum", "output_sum", "output"};

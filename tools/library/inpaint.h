/* libinpaint: fills the missing part of a picture, as the program inpaint_fill does.
 *
 *   inpaint_model *model = inpaint_load("model-1500.safetensors", NULL, 0);
 *   if (model == NULL || inpaint_fill_rgb8(model, pixels, width, height, 0, mask, 0, NULL) != INPAINT_OK)
 *     fprintf(stderr, "%s\n", inpaint_last_error());
 *   inpaint_free(model);
 *
 * Pictures are bytes in the caller's memory: rows from top to bottom, pixels from left to right, the channels
 * of a pixel side by side. There is no colour management: the bytes are taken as sRGB.
 *
 * Threads. Every function may be called from any thread, and several threads may use one model: the fills of
 * one model come one after the other, those of several models run at the same time. inpaint_free is the last
 * call that has the model. A model computes in threads of its own, which take no signals; they do not
 * survive fork(), so that a child process loads its own model.
 *
 * Errors. No function ends the process, and no C++ exception leaves the library. What a function returns says
 * whether it failed; inpaint_last_error() says why, in one line. A fill that fails changes no pixel.
 *
 * Files. inpaint_load reads the checkpoint. With a GPU, the library keeps which way of each convolution is
 * the fastest in $XDG_CACHE_HOME/inpaint, or in ~/.cache/inpaint. It prints nothing. */
#ifndef INPAINT_H
#define INPAINT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define INPAINT_API __attribute__((visibility("default")))
#else
#define INPAINT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What a fill returns. */
enum {
  INPAINT_OK = 0,
  INPAINT_BAD_INPUT = 1,     /* an argument, a file or a device is at fault */
  INPAINT_OUT_OF_MEMORY = 2, /* this picture or this model needs more memory than there is */
  INPAINT_FAILED = 3         /* anything else: the GPU failed, or this library has a bug */
};

/* How a fill ends. */
enum {
  INPAINT_FINISH_PATCHES = 0, /* with texture copied from the known part; seconds for large holes */
  INPAINT_FINISH_NONE = 1     /* as the model painted it */
};

/* More fields may follow in later versions. `size` says which the caller knows; the others have their
 * defaults, which are 0. */
typedef struct inpaint_options {
  size_t size; /* sizeof(inpaint_options) */
  int finish;  /* INPAINT_FINISH_... */
  int grow;    /* pixels that the hole becomes larger on all sides, 0 to 1000 */
} inpaint_options;

#define INPAINT_OPTIONS_INIT \
  { sizeof(inpaint_options), INPAINT_FINISH_PATCHES, 0 }

typedef struct inpaint_model inpaint_model;

/* A model, to be freed with inpaint_free; NULL when it cannot be loaded.
 *   checkpoint  the path of a model-<step>.safetensors, of a folder, whose newest checkpoint counts, or
 *               FOLDER/best; NULL or "": the built-in model; "none": no model, a smooth (harmonic) fill
 *   device      that the model paints on: "cpu", "cuda" (GPU 0), "cuda:N", or "auto", a GPU where the library
 *               can use one; NULL: "auto". Everything but the model runs on the CPU.
 *   threads     of the CPU, 0 to 1024; 0: one per core that the process may use */
INPAINT_API inpaint_model* inpaint_load(const char* checkpoint, const char* device, int threads);

/* Fills the hole of a picture in place. Known pixels and the bytes between rows keep their values.
 *   pixels       height rows of width pixels: 3 bytes each (red, green, blue), 1 byte (grey), or 4 bytes
 *                (red, green, blue, alpha; alpha keeps its values and has no say)
 *   width, height  in pixels, at least 1; at most 2^28 pixels together
 *   stride       bytes from the beginning of a row to that of the next, at least those of a row; 0: a row's
 *   mask         height rows of width bytes: 0 is known, anything else is missing. At least one pixel is
 *                known. Where nothing is missing, nothing is done.
 *   mask_stride  the same for the mask
 *   options      may be NULL: the defaults
 * Returns INPAINT_OK or one of the errors above. On the CPU, the same input gives the same bytes for any
 * number of threads. */
INPAINT_API int inpaint_fill_rgb8(inpaint_model* model, uint8_t* pixels, int64_t width, int64_t height,
                                  int64_t stride, const uint8_t* mask, int64_t mask_stride,
                                  const inpaint_options* options);
INPAINT_API int inpaint_fill_grey8(inpaint_model* model, uint8_t* pixels, int64_t width, int64_t height,
                                   int64_t stride, const uint8_t* mask, int64_t mask_stride,
                                   const inpaint_options* options);
INPAINT_API int inpaint_fill_rgba8(inpaint_model* model, uint8_t* pixels, int64_t width, int64_t height,
                                   int64_t stride, const uint8_t* mask, int64_t mask_stride,
                                   const inpaint_options* options);

/* Frees a model; NULL is allowed. */
INPAINT_API void inpaint_free(inpaint_model* model);

/* Why the last inpaint_load or fill of this thread failed: one line of UTF-8, "" when it did not. The text
 * changes with the thread's next call. */
INPAINT_API const char* inpaint_last_error(void);

/* The version of the library that runs, "0.2.0" for example. */
INPAINT_API const char* inpaint_version(void);

#ifdef __cplusplus
}
#endif

#endif

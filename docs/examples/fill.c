/* Fills the white part of a mask in a picture.
 *
 *   fill PICTURE.ppm MASK.pgm OUT.ppm [CHECKPOINT]
 *
 * Without a checkpoint the built-in model fills the hole. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inpaint.h"

struct picture {
  long width, height;
  unsigned char *bytes;
};

static int fail(const char *where, const char *why) {
  fprintf(stderr, "error: %s: %s\n", where, why);
  return 1;
}

/* A PPM ("P6", 3 bytes a pixel) or PGM ("P5", 1 byte) without comments. */
static int read_picture(const char *path, const char *magic, size_t channels, struct picture *picture) {
  char start[3] = "";
  int most = 0;
  FILE *file = fopen(path, "rb");
  if (file == NULL) return fail(path, strerror(errno));
  if (fscanf(file, "%2s %ld %ld %d", start, &picture->width, &picture->height, &most) != 4 || fgetc(file) == EOF ||
      strcmp(start, magic) != 0 || most != 255 || picture->width < 1 || picture->width > 16384 ||
      picture->height < 1 || picture->height > 16384) {
    fclose(file);
    return fail(path, "not a picture that this example reads");
  }
  const size_t size = channels * (size_t)picture->width * (size_t)picture->height;
  picture->bytes = malloc(size);
  const int complete = picture->bytes != NULL && fread(picture->bytes, 1, size, file) == size;
  fclose(file);
  return complete ? 0 : fail(path, "could not be read to its end");
}

static int write_ppm(const char *path, const struct picture *picture) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) return fail(path, strerror(errno));
  const size_t size = 3 * (size_t)picture->width * (size_t)picture->height;
  fprintf(file, "P6\n%ld %ld\n255\n", picture->width, picture->height);
  const int complete = fwrite(picture->bytes, 1, size, file) == size;
  return fclose(file) == 0 && complete ? 0 : fail(path, "could not be written");
}

int main(int argc, char **argv) {
  if (argc < 4 || argc > 5) return fail("usage", "fill PICTURE.ppm MASK.pgm OUT.ppm [CHECKPOINT]");
  struct picture picture = {0}, mask = {0};
  int status = 1;
  if (read_picture(argv[1], "P6", 3, &picture) == 0 && read_picture(argv[2], "P5", 1, &mask) == 0) {
    if (mask.width != picture.width || mask.height != picture.height) {
      fail(argv[2], "is not of the picture's size");
    } else {
      inpaint_model *model = inpaint_load(argc > 4 ? argv[4] : NULL, "cpu", 0);
      if (model != NULL && inpaint_fill_rgb8(model, picture.bytes, picture.width, picture.height, 0, mask.bytes,
                                             0, NULL) == INPAINT_OK)
        status = write_ppm(argv[3], &picture);
      else
        fail(argv[1], inpaint_last_error());
      inpaint_free(model);
    }
  }
  free(picture.bytes);
  free(mask.bytes);
  return status;
}

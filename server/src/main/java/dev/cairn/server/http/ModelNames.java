package dev.cairn.server.http;

import dev.cairn.model.ModelSpec;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * What clients may call the model: its own name, or its file's, with or without the extension and
 * the weight type before it ({@code m.Q8_0.gguf}, {@code m.Q8_0}, {@code m}).
 */
final class ModelNames {
  private static final String EXTENSION = ".gguf";

  private final Set<String> names = new LinkedHashSet<>();

  ModelNames(ModelSpec model) {
    names.add(model.name());
    String file = String.valueOf(model.file().getFileName());
    names.add(file);
    if (file.endsWith(EXTENSION)) {
      String stem = file.substring(0, file.length() - EXTENSION.length());
      names.add(stem);
      int dot = stem.lastIndexOf('.');
      if (dot > 0) {
        names.add(stem.substring(0, dot));
      }
    }
  }

  boolean has(String name) {
    return names.contains(name);
  }
}

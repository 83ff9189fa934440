package dev.cairn.server.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaProcessors;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A chat template, as model files carry it ({@code tokenizer.chat_template}): Jinja with the
 * settings and functions that Hugging Face's transformers give it. Immutable and safe for any
 * number of threads.
 *
 * <p>A template is a program by a stranger. It sees the values it is given and nothing else: no
 * Java object is reachable ({@link TemplateSandbox}), filters, tags and functions are those named
 * here, no text of a message is ever taken for template code, and time and output are bounded
 * (CVE-2024-34359 is what happens otherwise).
 */
public final class ChatTemplate {
  private static final int MAX_DEPTH = 30;
  private static final int MAX_COLLECTION = 100_000;
  private static final int MAX_RANGE = 10_000;
  private static final int MAX_MESSAGE_CHARACTERS = 500;

  private static final Set<String> TAGS =
      Set.of(
          "if",
          "elif",
          "else",
          "for",
          "set",
          "macro",
          "call",
          "break",
          "continue",
          "do",
          "raw",
          "generation");
  private static final Set<String> FILTERS =
      Set.of(
          "abs",
          "capitalize",
          "count",
          "d",
          "default",
          "dictsort",
          "first",
          "float",
          "indent",
          "int",
          "items",
          "join",
          "last",
          "length",
          "list",
          "lower",
          "map",
          "reject",
          "rejectattr",
          "replace",
          "reverse",
          "round",
          "safe",
          "select",
          "selectattr",
          "sort",
          "string",
          "sum",
          "title",
          "tojson",
          "trim",
          "unique",
          "upper");
  private static final Set<String> FUNCTIONS =
      Set.of("range", "namespace", "dict", "raise_exception", "strftime_now");

  private static final LegacyOverrides LIKE_PYTHON =
      LegacyOverrides.newBuilder()
          .withEvaluateMapKeys(true)
          .withIterateOverMapKeys(true)
          .withUsePyishObjectMapper(true)
          .withUseSnakeCasePropertyNaming(true)
          .withUseNaturalOperatorPrecedence(true)
          .withParseWhitespaceControlStrictly(true)
          .withAllowAdjacentTextNodes(true)
          .withUseTrimmingForNotesAndExpressions(true)
          .withKeepNullableLoopValues(true)
          .withHandleBackslashInQuotesOnly(true)
          .build();

  private final String source;
  private final Jinjava jinjava;
  private final long timeMillis;

  /**
   * @param source Jinja
   * @param limits bounds on what it may take
   */
  public ChatTemplate(String source, Limits limits) {
    String text = JinjaSource.forJinjava(source);
    this.source = text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    this.jinjava = jinjava(limits);
    this.timeMillis = limits.timeMillis();
    jinjava.render("{{ 'a' if a is defined else b }}", Map.of());
  }

  /**
   * Bounds on one rendering.
   *
   * @param timeMillis longest time
   * @param maxCharacters longest output, and longest text on the way to it
   */
  public record Limits(long timeMillis, long maxCharacters) {}

  /**
   * Renders a prompt.
   *
   * @param values what the template sees: {@code messages}, {@code tools}, {@code
   *     add_generation_prompt}, {@code bos_token} and so on; texts, numbers, truth values, lists
   *     and maps
   * @throws ChatTemplateException where the template refuses the messages, or is at fault itself
   */
  public String render(Map<String, ?> values) {
    return TemplateSandbox.within(timeMillis, () -> rendered(values));
  }

  private String rendered(Map<String, ?> values) {
    Map<String, Object> bindings = new HashMap<>(values);
    FUNCTIONS.forEach(name -> bindings.putIfAbsent(name, name));
    RenderResult result;
    try {
      result = jinjava.renderForResult(source, bindings);
    } catch (RuntimeException e) {
      throw fault(e, e.getMessage());
    }
    for (TemplateError error : result.getErrors()) {
      if (error.getSeverity() == TemplateError.ErrorType.FATAL || isFault(error)) {
        throw fault(error.getException(), error.getMessage());
      }
    }
    return result.getOutput();
  }

  /** What Python's Jinja lets pass as undefined is no fault here either. */
  private static boolean isFault(TemplateError error) {
    return cause(error.getException()) != null
        || error.getReason() == TemplateError.ErrorReason.DISABLED
        || error.getReason() == TemplateError.ErrorReason.OUTPUT_TOO_BIG;
  }

  private static ChatTemplateException cause(Throwable e) {
    for (Throwable each = e; each != null; each = each.getCause()) {
      if (each instanceof ChatTemplateException own) {
        return own;
      }
    }
    return null;
  }

  private static ChatTemplateException fault(Throwable e, String message) {
    ChatTemplateException own = cause(e);
    if (own != null) {
      return own;
    }
    String line = String.valueOf(message).replaceAll("\\s+", " ").strip();
    return new ChatTemplateException(
        "The model's chat template failed: "
            + (line.length() > MAX_MESSAGE_CHARACTERS
                ? line.substring(0, MAX_MESSAGE_CHARACTERS) + "…"
                : line));
  }

  private static Jinjava jinjava(Limits limits) {
    Jinjava all = new Jinjava();
    Map<Library, Set<String>> disabled = new EnumMap<>(Library.class);
    disabled.put(
        Library.TAG,
        except(TAGS, all.getGlobalContext().getAllTags().stream().map(t -> t.getName())));
    disabled.put(
        Library.FILTER,
        except(FILTERS, all.getGlobalContext().getAllFilters().stream().map(f -> f.getName())));
    disabled.put(
        Library.FUNCTION,
        all.getGlobalContext().getAllFunctions().stream()
            .filter(f -> !FUNCTIONS.contains(f.getLocalName()))
            .map(ELFunctionDefinition::getName)
            .collect(Collectors.toSet()));
    JinjavaConfig config =
        JinjavaConfig.newBuilder()
            .withTrimBlocks(true)
            .withLstripBlocks(true)
            .withKeepTrailingNewline(true)
            .withNestedInterpretationEnabled(false)
            .withEnableRecursiveMacroCalls(true)
            .withMaxMacroRecursionDepth(MAX_DEPTH)
            .withMaxRenderDepth(MAX_DEPTH)
            .withMaxListSize(MAX_COLLECTION)
            .withMaxMapSize(MAX_COLLECTION)
            .withRangeLimit(MAX_RANGE)
            .withMaxOutputSize(limits.maxCharacters())
            .withMaxStringLength(limits.maxCharacters())
            .withReadOnlyResolver(true)
            .withElResolver(new TemplateSandbox())
            .withDisabled(disabled)
            .withLegacyOverrides(LIKE_PYTHON)
            .withProcessors(
                JinjavaProcessors.newBuilder()
                    .withNodePreProcessor((node, interpreter) -> TemplateSandbox.checkTime())
                    .build())
            .build();
    Jinjava jinjava = new Jinjava(config);
    jinjava.registerFilter(new PythonJson());
    jinjava.registerFilter(new ItemsFilter());
    jinjava.registerExpTest(new IterableTest("iterable"));
    jinjava.registerExpTest(new IterableTest("sequence"));
    jinjava.registerTag(new GenerationTag());
    jinjava.registerFunction(
        new ELFunctionDefinition(
            "", "raise_exception", TemplateFunctions.class, "raise", String.class));
    jinjava.registerFunction(
        new ELFunctionDefinition(
            "", "strftime_now", TemplateFunctions.class, "strftimeNow", String.class));
    return jinjava;
  }

  private static Set<String> except(Set<String> allowed, Stream<String> names) {
    Set<String> rest = new HashSet<>();
    names.filter(name -> !allowed.contains(name) && !name.startsWith("end")).forEach(rest::add);
    return rest;
  }
}

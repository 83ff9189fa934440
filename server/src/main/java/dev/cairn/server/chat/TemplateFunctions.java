package dev.cairn.server.chat;

import com.hubspot.jinjava.objects.date.InvalidDateFormatException;
import com.hubspot.jinjava.objects.date.StrftimeFormatter;
import java.time.ZonedDateTime;
import java.util.Locale;

/** Functions that transformers gives to chat templates. Jinjava calls them by name. */
public final class TemplateFunctions {
  private TemplateFunctions() {}

  /** {@code raise_exception(message)}: the template refuses the messages. */
  public static Object raise(String message) {
    throw new ChatTemplateException(message);
  }

  /** {@code strftime_now(format)}: the time of the host. */
  public static Object strftimeNow(String format) {
    try {
      return StrftimeFormatter.format(ZonedDateTime.now(), format, Locale.ENGLISH);
    } catch (InvalidDateFormatException e) {
      throw new ChatTemplateException(
          "The model's chat template asks for the time as \"" + format + "\": " + e.getMessage());
    }
  }
}

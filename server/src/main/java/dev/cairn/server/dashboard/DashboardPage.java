package dev.cairn.server.dashboard;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/**
 * The files of the dashboard. They hold nothing of the server's state, so everybody may have them.
 * A browser keeps them and asks each time whether they have changed, so that a page is never of two
 * versions. The policy lets a page load from its own server alone, run no script that stands in the
 * page, and turn no text into markup.
 */
public final class DashboardPage {
  /** Path of the page itself. */
  public static final String ROOT = "/";

  /** Under which its files are. */
  public static final String FOLDER = "/dashboard/";

  private static final ContentType HTML = ContentTypes.TEXT_HTML_UTF8;
  private static final ContentType CSS = ContentTypes.parse("text/css; charset=UTF-8");
  private static final ContentType JS = ContentTypes.parse("text/javascript; charset=UTF-8");
  private static final ContentType SVG = ContentTypes.parse("image/svg+xml; charset=UTF-8");
  private static final String INDEX = "index.html";
  private static final Pattern FILE = Pattern.compile("[a-z]+\\.[a-z]+");
  private static final Map<String, ContentType> TYPES =
      Map.ofEntries(
          Map.entry(INDEX, HTML),
          Map.entry("style.css", CSS),
          Map.entry("theme.js", JS),
          Map.entry("app.js", JS),
          Map.entry("api.js", JS),
          Map.entry("devices.js", JS),
          Map.entry("dom.js", JS),
          Map.entry("playground.js", JS),
          Map.entry("requests.js", JS),
          Map.entry("run.js", JS),
          Map.entry("stream.js", JS),
          Map.entry("cairn.svg", SVG));
  private static final List<HttpHeader> HEADERS =
      List.of(
          RawHeader.create(
              "Content-Security-Policy",
              "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
                  + " object-src 'none'; require-trusted-types-for 'script'"),
          RawHeader.create("X-Content-Type-Options", "nosniff"),
          RawHeader.create("Referrer-Policy", "no-referrer"),
          RawHeader.create("Cache-Control", "no-cache"));

  private record Asset(ContentType type, byte[] bytes, String tag) {}

  private final Map<String, Asset> assets = new LinkedHashMap<>();

  public DashboardPage() {
    TYPES.forEach((name, type) -> assets.put(name, read(name, type)));
  }

  /** Whether a path is the page or may be a file of it, which need no key. */
  public static boolean isPublic(String path) {
    return path.equals(ROOT)
        || path.startsWith(FOLDER) && FILE.matcher(path.substring(FOLDER.length())).matches();
  }

  /** The page. */
  public HttpResponse page(HttpRequest request) {
    return file(request, INDEX).orElseThrow();
  }

  /** A file of it; empty where there is none of this name. */
  public Optional<HttpResponse> file(HttpRequest request, String name) {
    return Optional.ofNullable(assets.get(name)).map(asset -> reply(request, asset));
  }

  private static HttpResponse reply(HttpRequest request, Asset asset) {
    HttpResponse reply =
        HttpResponse.create().addHeaders(HEADERS).addHeader(RawHeader.create("ETag", asset.tag));
    return hasIt(request, asset.tag)
        ? reply.withStatus(304)
        : reply.withEntity(HttpEntities.create(asset.type, asset.bytes));
  }

  /** RFC 9110, 13.1.2: a list of tags, weak ones among them, or an asterisk. */
  private static boolean hasIt(HttpRequest request, String tag) {
    return request
        .getHeader("If-None-Match")
        .map(HttpHeader::value)
        .map(value -> Arrays.stream(value.split(",")).map(String::strip))
        .map(tags -> tags.anyMatch(each -> each.equals("*") || strong(each).equals(tag)))
        .orElse(false);
  }

  private static String strong(String tag) {
    return tag.startsWith("W/") ? tag.substring(2) : tag;
  }

  private static Asset read(String name, ContentType type) {
    try (InputStream in = DashboardPage.class.getResourceAsStream(name)) {
      byte[] bytes = Objects.requireNonNull(in, name).readAllBytes();
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
      return new Asset(type, bytes, '"' + HexFormat.of().formatHex(digest, 0, 16) + '"');
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}

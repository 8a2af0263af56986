package program;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/** What every client here has in common: a line in, credentials resolved afresh, a line of JSON out. */
public final class Program {
    private Program() {}

    /** The answer of a client that found credentials: whose keys, and whom STS took them for, null where it has no STS. */
    public static Map<String, Object> identity(String accessKeyId, String arn) {
        Map<String, Object> identity = new LinkedHashMap<>();
        identity.put("accessKeyId", accessKeyId);
        if (arn != null) {
            identity.put("arn", arn);
        }
        return identity;
    }

    /** Answers each line of stdin, or prints the version of the jar that the library's class is in when asked for --version. */
    public static void main(String[] arguments, Class<?> library, Callable<Map<String, Object>> resolve) throws IOException {
        if (arguments.length > 0 && arguments[0].equals("--version")) {
            System.out.println(versionOf(library));
            return;
        }
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        while (lines.readLine() != null) {
            System.out.println(json(answer(resolve)));
            System.out.flush();
        }
        // Some clients leave threads that are no daemons.
        System.exit(0);
    }

    private static Map<String, Object> answer(Callable<Map<String, Object>> resolve) {
        try {
            return resolve.call();
        } catch (Exception error) {
            return Map.of("error", error.toString());
        }
    }

    private static String versionOf(Class<?> library) {
        String jar = Path.of(library.getProtectionDomain().getCodeSource().getLocation().getPath()).getFileName().toString();
        return jar.replaceFirst("^.*?-(?=\\d+\\.)", "").replaceFirst("\\.jar$", "");
    }

    private static String json(Map<?, ?> fields) {
        return fields.entrySet().stream()
                .map(field -> quoted(field.getKey().toString()) + ":" + jsonValue(field.getValue()))
                .collect(Collectors.joining(",", "{", "}"));
    }

    private static String jsonValue(Object value) {
        return value instanceof Map<?, ?> fields ? json(fields) : quoted(String.valueOf(value));
    }

    private static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char character : text.toCharArray()) {
            if (character == '"' || character == '\\') {
                json.append('\\').append(character);
            } else if (character < ' ') {
                json.append(String.format("\\u%04x", (int) character));
            } else {
                json.append(character);
            }
        }
        return json.append('"').toString();
    }
}

# Fill templates in by the reference implementation: JSON in, JSON out; "now" is what the test says.
require "liquid"; require "json"; require "time"
ENV["TZ"] = "UTC"
given = JSON.parse(STDIN.read)
now = Time.at(given["at"]).utc
Time.define_singleton_method(:now) { now }
texts = given["templates"].map do |source|
  begin
    Liquid::Template.parse(source, error_mode: :strict).render(given["cells"].merge("row" => given["cells"]))
  rescue => e
    "Liquid error: #{e.message}"
  end
end
puts JSON.generate(texts)

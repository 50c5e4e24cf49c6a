# Draws with a generator of Ruby: ruby ruby.rb GENERATOR FOLDER, a job a line on stdin, what was drawn on stdout.
require "active_support/all"
require "json"

module SimpleCaptcha
  mattr_accessor :image_size, :distortion, :image_style, :implode, :font, :noise, :image_magick_path, :text
end
require "simple_captcha/image"
require "simple_captcha/utils"

module SimpleCaptcha
  def Utils.simple_captcha_value(_) = SimpleCaptcha.text # without the database that keeps it
end
include SimpleCaptcha::ImageHelpers

$stdout.sync = true
$stdin.each_line do |line|
  job = JSON.parse(line)
  srand(job["seed"])
  SimpleCaptcha.text, SimpleCaptcha.font, SimpleCaptcha.image_style = job.values_at("text", "face", "style")
  SimpleCaptcha.image_size, SimpleCaptcha.distortion, SimpleCaptcha.implode = job.values_at("size", "distortion", "implode")
  SimpleCaptcha.noise = job["noise"]
  File.binwrite(job["file"], generate_simple_captcha_image(nil))
  puts job["text"]
end
